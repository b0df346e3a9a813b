"""Words for people: how wide a text may be, in which characters, how foreign text is made harmless, arguments in words."""
