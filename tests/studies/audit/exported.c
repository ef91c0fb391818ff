/* An extension module with an export hook instead of a definition (PEP 793), for CPython 3.15 and later. NAME and HOOK say
 * what it is, SLOT_GIL (a number of PySlot_DATA) what it declares; NESTED puts that into a list of its own, UNNAMED leaves
 * the name out. */
#include <Python.h>

PyABIInfo_VAR(abi);

#ifdef NESTED
static PySlot declared[] = {PySlot_DATA(Py_mod_gil, SLOT_GIL), PySlot_END};
static PyModuleDef_Slot old[] = {{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, {0, NULL}};
#endif

static PySlot slots[] = {
    PySlot_DATA(Py_mod_abi, &abi),
#ifndef UNNAMED
    PySlot_STATIC_DATA(Py_mod_name, NAME),
#endif
#ifdef NESTED
    PySlot_DATA(Py_slot_subslots, declared),
    PySlot_DATA(Py_mod_slots, old),
#elif defined(SLOT_GIL)
    PySlot_DATA(Py_mod_gil, SLOT_GIL),
    PySlot_DATA(Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED),
#endif
    PySlot_END,
};

PyMODEXPORT_FUNC HOOK(void) { return slots; }
