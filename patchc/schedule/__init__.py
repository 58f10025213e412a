"""Schedule: typed buffers and a flat program; what a Plan lowers to, and what it executes."""
