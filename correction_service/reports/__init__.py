"""Statistics that offices send: counted by office and period, as a page, a workbook and a paper."""
