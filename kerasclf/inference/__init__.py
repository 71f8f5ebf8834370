"""What a trained model is for: predict, evaluate and explain; calibration, export and demo are folders."""
