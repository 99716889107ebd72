// Package upload reads tenants that come as a file: the parts of a multipart/form-data body, one of
// which is a list of tenants as plain text, CSV or NDJSON.
//
// The body is read as a stream. Beside the tenants themselves it takes a line, at most [MaxLine],
// and, while it is read, the line of each id, which duplicates are told by. Tenants with the same
// labels share them.
//
// A line that is blank or begins with # says nothing, a byte order mark at the beginning and CRLF
// are understood. The first line that says something may be a header:
//
//   - text: one id a line, spaces around it do not count. A header is one of the names of an id.
//   - CSV: with a header, the columns id, labels.NAME and parameters.NAME, in any order; without
//     one, the ids alone. Cells are separated by the comma, semicolon or tab that the first line
//     has; a quoted cell ends in its line; an empty cell of a label or parameter is none.
//   - NDJSON: an object {"id", "labels", "parameters"} a line.
//
// The extension of the file's name or the type of the part tells which of them a list is. Otherwise
// it is the first line: one that begins with { is NDJSON, one with a separator or a quote is CSV,
// and one that begins with [ is refused: it is that of a JSON array.
package upload
