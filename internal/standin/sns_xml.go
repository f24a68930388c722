package standin

import (
	"bytes"
	"encoding/xml"
)

const snsNamespace = "http://sns.amazonaws.com/doc/2010-03-31/"

func xmlElement(name, text string) []byte {
	var b bytes.Buffer
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(&b, []byte(text)) // a Buffer does not fail
	b.WriteString("</" + name + ">")
	return b.Bytes()
}

func xmlWrap(name string, inner []byte) []byte {
	out := append([]byte("<"+name+">"), inner...)
	return append(out, "</"+name+">"...)
}

// snsEnvelope wraps the inside of a result as SNS answers it.
func snsEnvelope(op, requestID string, inner []byte) []byte {
	b := []byte(`<` + op + `Response xmlns="` + snsNamespace + `">`)
	if inner != nil {
		b = append(b, xmlWrap(op+"Result", inner)...)
	}
	b = append(b, xmlWrap("ResponseMetadata", xmlElement("RequestId", requestID))...)
	return append(b, "</"+op+"Response>"...)
}

func snsError(requestID string, e *apiError) []byte {
	side := "Sender"
	if e.Status >= 500 {
		side = "Receiver"
	}
	inner := append(xmlElement("Type", side), xmlElement("Code", e.Type)...)
	inner = append(inner, xmlElement("Message", e.Message)...)
	b := []byte(`<ErrorResponse xmlns="` + snsNamespace + `">`)
	b = append(b, xmlWrap("Error", inner)...)
	b = append(b, xmlElement("RequestId", requestID)...)
	return append(b, "</ErrorResponse>"...)
}
