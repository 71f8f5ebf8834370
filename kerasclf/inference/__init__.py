"""What a trained model is for: predictions on new images."""
