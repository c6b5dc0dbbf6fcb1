"""The user's home: its notebooks (`workspace`) and its Python (`packages`, `reinstall`)."""
