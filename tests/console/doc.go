// Package console tests the operators' console in a real Chromium, as an operator uses it. Its
// module is its own, because it needs a client of the browser's protocol.
//
// Without chromium on PATH, and with -short, the tests are skipped. With CUTOVER_REQUIRE_CHROMIUM=1
// in the environment they run or fail. TestPictures puts pictures of all pages, those of
// docs/images among them, into the folder that CUTOVER_PICTURES names.
package console
