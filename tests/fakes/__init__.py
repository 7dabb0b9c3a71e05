"""Fakes that obey the ports' rules: state instead of mocks, faults on request."""
