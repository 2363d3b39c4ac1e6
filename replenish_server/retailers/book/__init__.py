"""Orders at retailers who tell us what becomes of them: we keep the book, they write their acts into it.

The household's own order (`ordering`) follows what stands here, as it follows any retailer's answer.
"""
