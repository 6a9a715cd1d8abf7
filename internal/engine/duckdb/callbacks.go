//go:build duckdb_arrow

package duckdb

/*
#include <stdint.h>
#include <stdlib.h>

void freshetScanBind(void *info);
void freshetScanInit(void *info);
void freshetScanNext(void *info, void *chunk);
void freshetCall(void *info, void *chunk, void *out);
*/
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// handle is a Go value that DuckDB keeps for its callbacks. It lives until
// free, which comes after the database's end.
type handle struct {
	pin   runtime.Pinner
	value *cgo.Handle
}

func newHandle(value any) *handle {
	h := cgo.NewHandle(value)
	hd := &handle{value: &h}
	hd.pin.Pin(hd.value)
	return hd
}

func (h *handle) pointer() unsafe.Pointer { return unsafe.Pointer(h.value) }

func (h *handle) free() {
	h.value.Delete()
	h.pin.Unpin()
}

// fromHandle returns the value of a handle that DuckDB gives back; T is the
// type of what newHandle was given.
func fromHandle[T any](p unsafe.Pointer) T {
	value, _ := (*cgo.Handle)(p).Value().(T)
	return value
}

// bindID makes id a scan's bind data, which C keeps and frees.
func bindID(info bindings.BindInfo, id scanID) {
	p := C.malloc(C.size_t(unsafe.Sizeof(id)))
	*(*scanID)(p) = id
	bindings.BindSetBindData(info, p, free)
}

// The addresses of the callbacks below.
var (
	scanBind = C.freshetScanBind
	scanInit = C.freshetScanInit
	scanNext = C.freshetScanNext
	call     = C.freshetCall
	free     = C.free
)

//export freshetScanBind
func freshetScanBind(p unsafe.Pointer) {
	info := bindings.BindInfo{Ptr: p}
	if err := fromHandle[*scans](bindings.BindGetExtraInfo(info)).bind(info); err != nil {
		bindings.BindSetError(info, err.Error())
	}
}

//export freshetScanInit
func freshetScanInit(p unsafe.Pointer) {
	info := bindings.InitInfo{Ptr: p}
	s := (*scanID)(bindings.InitGetBindData(info))
	if err := fromHandle[*scans](bindings.InitGetExtraInfo(info)).init(*s, info); err != nil {
		bindings.InitSetError(info, err.Error())
	}
}

//export freshetScanNext
func freshetScanNext(p, chunk unsafe.Pointer) {
	info := bindings.FunctionInfo{Ptr: p}
	s := (*scanID)(bindings.FunctionGetBindData(info))
	all := fromHandle[*scans](bindings.FunctionGetExtraInfo(info))
	if err := all.next(*s, bindings.DataChunk{Ptr: chunk}); err != nil {
		bindings.FunctionSetError(info, err.Error())
	}
}

//export freshetCall
func freshetCall(p, chunk, out unsafe.Pointer) {
	info := bindings.FunctionInfo{Ptr: p}
	f := fromHandle[*function](bindings.ScalarFunctionGetExtraInfo(info))
	if err := f.apply(bindings.DataChunk{Ptr: chunk}, bindings.Vector{Ptr: out}); err != nil {
		bindings.ScalarFunctionSetError(info, err.Error())
	}
}
