"""`python -m patchc.certificate OUT`: proves again what the C in OUT rests on."""
