"""Plan (the decisions), Schedule (what they lower to), and the way from one to the other."""
