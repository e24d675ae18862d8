"""Tables of the papers, trained anew under one budget and compared with the published figures."""
