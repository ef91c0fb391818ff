/* An extension module as they were written for years: nothing in it says that it can run without the GIL. */
#include <Python.h>

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_fast", .m_size = -1};

PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&definition); }
