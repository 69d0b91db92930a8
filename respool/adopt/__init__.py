"""Puts respool's states around the chosen tasks of somebody's definition; takes them away again."""
