"""Are somebody's tests of a backward able to notice that it is wrong?"""
