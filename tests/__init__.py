"""The tests of Kalends; which kind lives where is told in CONTRIBUTING.md."""
