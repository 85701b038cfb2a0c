"""The job market: partners' vacancies, which of them match an alumnus, and applications."""
