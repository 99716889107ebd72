// Package crashtest is what the crash suites of all stores share: workers that are real processes,
// the ledger in which they write what they see, calls at which they kill or freeze themselves,
// faults that need nothing but a store, and the figures. Package tests/crash says what is counted.
//
// A suite brings the store. Its test binary starts itself again as workers, which call Obey; it
// tells Site.Start how. The package knows no driver. Except for this page and
// Cutter it is built with the tag crash.
package crashtest
