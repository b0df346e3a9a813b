"""Which slip gives exactly the wrong numbers? Each is tried at every step that they may come from."""
