"""Result trees on one HTML page that needs no network, from records and products alone; nothing is computed again."""
