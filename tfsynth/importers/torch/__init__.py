"""PyTorch's files of weights, read without PyTorch, running nothing in them."""
