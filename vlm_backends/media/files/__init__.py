"""Know the kinds of picture files, and find the pages and frames in them.

Nothing here decides what is done with a picture: `media.decoding` does.
"""
