"""What AWS was seen to do, by others and by whom; the local AWS and the fakes are held to it."""
