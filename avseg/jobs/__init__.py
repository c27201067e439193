"""What training and evaluation processes share with whoever watches them."""
