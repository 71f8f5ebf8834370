"""Published data sets: CIFAR, MNIST, birds, digits and tables, and how they are recognised."""
