"""The local AWS: an emulator on loopback, and this project deployed to it. Not for Lambda."""
