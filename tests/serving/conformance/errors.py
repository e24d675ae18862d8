"""One error for both sides of the server, with gRPC's name of its status."""


class Refused(Exception):
    """A request that is answered with an error.

    Args:
        code: gRPC's name, such as "INVALID_ARGUMENT".
        message: What the caller is told.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def invalid(message):
    return Refused("INVALID_ARGUMENT", message)
