/* As much of a free-threaded CPython's Python.h as planted.c needs to be compiled, not to be run. */
#include <stddef.h>

typedef struct { size_t thread; unsigned flags, local; size_t shared; void *type; } PyObject;
typedef struct { int slot; void *value; } PyModuleDef_Slot;
struct PyModuleDef {
    PyObject head;
    void *m_init;
    ptrdiff_t m_index;
    void *m_copy;
    const char *m_name, *m_doc;
    ptrdiff_t m_size;
    void *m_methods;
    PyModuleDef_Slot *m_slots;
    void *m_traverse, *m_clear, *m_free;
};

#define PyModuleDef_HEAD_INIT {0, 0, ~0u, 0, NULL}, NULL, 0, NULL
#define PyMODINIT_FUNC PyObject *
#define Py_mod_multiple_interpreters 3
#define Py_mod_gil 4

PyObject *PyModule_Create(struct PyModuleDef *);
PyObject *PyModuleDef_Init(struct PyModuleDef *);
int PyUnstable_Module_SetGIL(PyObject *, void *);
