"""What is known of a network without building it: its name, arguments, source and saved file. Needs no TensorFlow."""
