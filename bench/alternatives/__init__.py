"""The join as others write it, each in a module whose `handler` is what Lambda would call.

Each is set up as its documentation recommends: the client or the models made at import, a body in JSON, and nothing
that a join does not need. They share the application's calendar, rules and leaf (`rules.py`), so that they differ in
the web edge, the client and the calls alone.
"""
