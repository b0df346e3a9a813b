"""`check_gradient` on functions whose gradient is known: is anything right called wrong, or anything wrong right?"""
