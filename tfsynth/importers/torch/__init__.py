"""PyTorch's files of weights, read without PyTorch, and without executing anything in them."""
