"""A server that keeps to the documented rules of TensorFlow Serving, for tests on loopback.

It is not TensorFlow Serving, and no result of it is one of TensorFlow Serving. It has the same
gRPC services, from the stubs of `tensorflow-serving-api`; REST by the rules of
https://www.tensorflow.org/tfx/serving/api_rest; a model loaded by TensorFlow's own SavedModel
loader into a session, as the real server does; and, if asked for, requests merged as its
`BatchingSession` merges them. Neither Keras nor tfsynth can be imported in its process.
"""
