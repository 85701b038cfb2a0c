"""The job market: vacancies of partners, matches and applications of graduates."""
