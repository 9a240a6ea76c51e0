"""The command lines of what answers. They import the server when the arguments are right: that takes seconds."""
