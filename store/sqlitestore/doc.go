// Package sqlitestore keeps plans in a file, with SQLite: for one process, with nothing to install.
package sqlitestore
