"""What a linked image needs and executes: stack, statics, code, instructions."""
