"""The household's pages: rendered on the server, in English and Korean, with and without JavaScript.

The pages draw and validate; they must never open a database transaction, call a network, or import another
room. What they show and do goes through the ports `HouseholdPages` and `PeoplePages`, which the composition
root supplies. Nothing is imported here: a server that nobody has asked for a page has loaded none.
"""
