"""The paper's claims: what the records of an experiment say of each, by the rules of docs/claims.md."""
