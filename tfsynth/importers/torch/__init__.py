"""PyTorch's files of weights, read and written without PyTorch, running nothing in them."""
