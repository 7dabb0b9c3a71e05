"""Use cases: who may do what, when it happens, what is recorded and who is told.

The only thing front ends talk to. Decides nothing about single events (that is `app.engine`) and knows no wire format.
"""
