"""iCalendar files (RFC 5545) as a source of events. Reads only; speaks to no service."""
