/* An extension module that does nothing. NAME, INIT and ONE_PHASE say what it is; GIL and INTERPRETERS what it declares. */
#include <Python.h>

#ifdef ONE_PHASE
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = NAME, .m_size = -1};

PyMODINIT_FUNC INIT(void)
{
    PyObject *module = PyModule_Create(&definition);
#ifdef GIL
    PyUnstable_Module_SetGIL(module, GIL);
#endif
    return module;
}
#else
static PyModuleDef_Slot slots[] = {
#ifdef GIL
    {Py_mod_gil, GIL},
#endif
#ifdef INTERPRETERS
    {Py_mod_multiple_interpreters, INTERPRETERS},
#endif
    {0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = NAME, .m_size = 0, .m_slots = slots};

PyMODINIT_FUNC INIT(void) { return PyModuleDef_Init(&definition); }
#endif
