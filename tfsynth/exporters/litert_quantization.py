def quantized(*a):
    return a[0]
