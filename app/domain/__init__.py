"""The words of the field: values, records, errors and ports that every part of Kalends shares.

Standard library only. Nothing here reads a clock, a file, a network or a database.
"""
