"""Training on several devices or machines: strategies, precision and replicas."""
