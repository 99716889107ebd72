package pgstore

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/abreast"
)

func TestMain(m *testing.M) {
	abreast.Tests(4)
	goleak.VerifyTestMain(m)
}
