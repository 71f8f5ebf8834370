"""What a network does to an image, layer by layer: sizes, costs, what it sees, and a drawing of it."""
