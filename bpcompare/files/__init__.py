"""Files: the one way in which one is written, the one way in which one of somebody else's is read, and tensors in them."""
