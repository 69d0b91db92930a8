"""What `chalice deploy`, `delete`, `package` and `local` do beyond Chalice. Not for Lambda."""
